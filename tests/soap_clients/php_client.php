<?php
// Sends a callback with PHP's SoapClient, knowing nothing but the WSDL. `check.py` tells how it is asked and what it
// answers.
$asked = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$client = new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE, 'exceptions' => true]);
$fields = ['platformId', 'serviceId', 'channel', 'secretKey', 'eventId', 'returnCode', 'riskScore', 'riskAction', 'callbackId'];
$text = implode('', array_map(fn ($field) => $asked[$field] ?? '', $fields));
$results = array_intersect_key($asked, array_flip(['returnCode', 'riskScore', 'riskAction']));
try {
    $answer = $client->eventResult([
        'callbackId' => $asked['callbackId'],
        'eventId' => $asked['eventId'],
        'Results' => $results,
        'hashKey' => sha1($text),
    ]);
    echo json_encode(['ack' => $answer->ack]), "\n";
} catch (SoapFault $fault) {
    echo json_encode(['fault' => $fault->faultstring, 'code' => $fault->faultcode]), "\n";
}
